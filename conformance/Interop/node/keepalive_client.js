// Asks a server of grpc.testing.TestService by PING, more often than it allows, whether it is still there, until it has had enough.
//
// Arguments: the server's address. Prints a line for what became of the call that was under way, and one for the next call.
'use strict';

const { grpc, testing } = require('./interop_common.js');

async function main(address) {
  const client = new testing.TestService(address, grpc.credentials.createInsecure(), {
    'grpc.keepalive_time_ms': 50,
    'grpc.keepalive_permit_without_calls': 1,
  });
  const call = client.FullDuplexCall();
  call.on('error', () => {}); // the status says it
  call.on('data', () => {});
  const status = await new Promise((resolve) => call.on('status', resolve));
  console.log(`${grpc.status[status.code]} ${status.details}`);
  client.EmptyCall({}, { deadline: Date.now() + 60_000 }, (error) => {
    console.log(error ? `${grpc.status[error.code]} ${error.details}` : 'OK');
    client.close();
  });
}

main(...process.argv.slice(2));
