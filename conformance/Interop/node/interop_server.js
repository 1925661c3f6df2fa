// Serves grpc.testing.TestService (protos/interop/test.proto) for the official interoperability cases.
//
// Prints its port. With two arguments, the files of a certificate and its key, it serves with TLS.
// Stops when its standard input is closed.
'use strict';

const os = require('node:os');
const { setTimeout: wait } = require('node:timers/promises');
const { grpc, testing, INITIAL, TRAILING, zeros, read } = require('./interop_common.js');

/** Sends the metadata that come back in the headers; returns those that come back in the trailers. */
function echoMetadata(call) {
  const headers = new grpc.Metadata();
  const trailers = new grpc.Metadata();
  for (const value of call.metadata.get(INITIAL)) {
    headers.add(INITIAL, value);
  }
  for (const value of call.metadata.get(TRAILING)) {
    trailers.add(TRAILING, value);
  }
  call.sendMetadata(headers);
  return trailers;
}

function statusAskedFor(request, metadata) {
  const status = request.response_status;
  return status && status.code ? { code: status.code, details: status.message, metadata } : null;
}

async function respond(call, request) {
  for (const parameters of request.response_parameters) {
    if (parameters.interval_us > 0) {
      await wait(parameters.interval_us / 1000);
    }
    call.write({ payload: zeros(parameters.size) });
  }
}

/** Answers requests one after the other, at once or when all are there. */
function duplex(call, atOnce) {
  const trailers = echoMetadata(call);
  let last = Promise.resolve();
  const waiting = [];
  call.on('data', (request) => {
    const status = statusAskedFor(request, trailers);
    if (status) {
      call.emit('error', status);
    } else if (atOnce) {
      last = last.then(() => respond(call, request));
    } else {
      waiting.push(request);
    }
  });
  call.on('end', async () => {
    await last;
    for (const request of waiting) {
      await respond(call, request);
    }
    call.end(trailers);
  });
}

const service = {
  EmptyCall: (call, callback) => callback(null, {}),
  UnaryCall: (call, callback) => {
    const request = call.request;
    const trailers = echoMetadata(call);
    const response = {
      payload: zeros(request.response_size),
      server_id: request.fill_server_id ? 'node' : '',
      hostname: os.hostname(),
    };
    callback(statusAskedFor(request, trailers), response, trailers);
  },
  CacheableUnaryCall: (call, callback) => callback(null, { payload: call.request.payload }),
  StreamingOutputCall: async (call) => {
    const trailers = echoMetadata(call);
    await respond(call, call.request);
    call.end(trailers);
  },
  StreamingInputCall: (call, callback) => {
    let size = 0;
    call.on('data', (request) => {
      size += request.payload.body.length;
    });
    call.on('end', () => callback(null, { aggregated_payload_size: size }));
  },
  FullDuplexCall: (call) => duplex(call, true),
  HalfDuplexCall: (call) => duplex(call, false),
};

// Without a handler a method is UNIMPLEMENTED.
const server = new grpc.Server();
server.addService(testing.TestService.service, service);
const [certificate, key] = process.argv.slice(2).map(read);
const credentials = certificate
  ? grpc.ServerCredentials.createSsl(null, [{ cert_chain: certificate, private_key: key }])
  : grpc.ServerCredentials.createInsecure();
server.bindAsync('127.0.0.1:0', credentials, (error, port) => {
  if (error) {
    throw error;
  }
  console.log(port);
});
process.stdin.on('end', () => process.exit(0)).resume();
