// What the server and the client of the interoperability cases share.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const protos = process.env.PROTOS ?? path.join(__dirname, '..', 'protos');
const definition = loader.loadSync('interop/test.proto', { keepCase: true, defaults: true, includeDirs: [protos] });

module.exports = {
  grpc,
  testing: grpc.loadPackageDefinition(definition).grpc.testing,
  INITIAL: 'x-grpc-test-echo-initial',
  TRAILING: 'x-grpc-test-echo-trailing-bin',
  zeros: (size) => ({ body: Buffer.alloc(size) }),
  read: (file) => fs.readFileSync(file),
};
