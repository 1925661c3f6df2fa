// Runs official interoperability cases against a server of grpc.testing.TestService.
//
// Arguments: the server's address, the file of the authorities to trust ("-" for plaintext), the names of cases.
// Prints a line for each: its name, and "passed" or what went wrong. Ends with code 1 if one failed.
'use strict';

const assert = require('node:assert/strict');
const { grpc, testing, INITIAL, TRAILING, zeros, read } = require('./interop_common.js');

const PATIENCE = 100_000;
const REQUEST_SIZES = [27182, 8, 1828, 45904];
const RESPONSE_SIZES = [31415, 9, 2653, 58979];
const INITIAL_VALUE = 'test_initial_metadata_value';
const TOKEN = 'Bearer test_token';
const TRAILING_VALUE = Buffer.from([0xab, 0xab, 0xab]);

const large = () => ({ response_size: 314159, payload: zeros(271828) });
const output = (size, payload) => ({ response_parameters: [{ size }], payload: zeros(payload) });
const soon = () => ({ deadline: Date.now() + PATIENCE });

function expectZeros(payload, size) {
  assert.equal(payload.body.length, size);
  assert.ok(payload.body.equals(Buffer.alloc(size)));
}

/** A call with one response: the response, and the metadata beside it. */
function once(client, method, request, metadata = new grpc.Metadata(), options = {}) {
  return new Promise((resolve, reject) => {
    const result = {};
    const call = client[method](request, metadata, { ...soon(), ...options }, (error, response) => {
      result.response = response;
      result.error = error;
    });
    call.on('metadata', (headers) => {
      result.headers = headers;
    });
    call.on('status', (status) => {
      result.trailers = status.metadata;
      setImmediate(() => (result.error ? reject(result.error) : resolve(result)));
    });
  });
}

/** All responses of a call, and the metadata beside them. */
function all(call, onData = () => {}) {
  return new Promise((resolve, reject) => {
    const result = { responses: [] };
    call.on('metadata', (headers) => {
      result.headers = headers;
    });
    call.on('data', (response) => {
      result.responses.push(response);
      onData(response);
    });
    call.on('error', reject);
    call.on('status', (status) => {
      result.trailers = status.metadata;
      if (status.code === grpc.status.OK) {
        setImmediate(() => resolve(result));
      }
    });
  });
}

async function expectFailure(promise, code, details) {
  const error = await promise.then(
    () => assert.fail(`the call ended well instead of with ${code}`),
    (failure) => failure,
  );
  assert.equal(error.code, code, error.message);
  if (details !== undefined) {
    assert.equal(error.details, details);
  }
}

function echoed() {
  const metadata = new grpc.Metadata();
  metadata.set(INITIAL, INITIAL_VALUE);
  metadata.set(TRAILING, TRAILING_VALUE);
  return metadata;
}

function expectEchoed({ headers, trailers }) {
  assert.deepEqual(headers.get(INITIAL), [INITIAL_VALUE]);
  assert.deepEqual(trailers.get(TRAILING), [TRAILING_VALUE]);
}

async function expectStatus(client, message, duplex) {
  const response_status = { code: grpc.status.UNKNOWN, message };
  await expectFailure(once(client, 'UnaryCall', { response_status }), grpc.status.UNKNOWN, message);
  if (duplex) {
    const call = client.FullDuplexCall(soon());
    call.write({ response_status });
    call.end();
    await expectFailure(all(call), grpc.status.UNKNOWN, message);
  }
}

const cases = {
  empty_unary: async (client) => {
    assert.deepEqual((await once(client, 'EmptyCall', {})).response, {});
  },
  cacheable_unary: async (client) => {
    const request = { payload: { body: Buffer.from('the same') } };
    const first = await once(client, 'CacheableUnaryCall', request);
    assert.deepEqual((await once(client, 'CacheableUnaryCall', request)).response, first.response);
  },
  large_unary: async (client) => {
    expectZeros((await once(client, 'UnaryCall', large())).response.payload, 314159);
  },
  client_streaming: (client) =>
    new Promise((resolve, reject) => {
      const call = client.StreamingInputCall(soon(), (error, response) =>
        error || response.aggregated_payload_size !== 74922 ? reject(error ?? response) : resolve(),
      );
      REQUEST_SIZES.forEach((size) => call.write({ payload: zeros(size) }));
      call.end();
    }),
  server_streaming: async (client) => {
    const request = { response_parameters: RESPONSE_SIZES.map((size) => ({ size })) };
    const { responses } = await all(client.StreamingOutputCall(request, soon()));
    assert.equal(responses.length, RESPONSE_SIZES.length);
    responses.forEach((response, i) => expectZeros(response.payload, RESPONSE_SIZES[i]));
  },
  ping_pong: async (client) => {
    const call = client.FullDuplexCall(soon());
    let next = 0;
    const ask = () => (next < REQUEST_SIZES.length ? call.write(output(RESPONSE_SIZES[next], REQUEST_SIZES[next++])) : call.end());
    ask();
    const { responses } = await all(call, ask);
    assert.equal(responses.length, RESPONSE_SIZES.length);
    responses.forEach((response, i) => expectZeros(response.payload, RESPONSE_SIZES[i]));
  },
  empty_stream: async (client) => {
    const call = client.FullDuplexCall(soon());
    call.end();
    assert.equal((await all(call)).responses.length, 0);
  },
  custom_metadata: async (client) => {
    expectEchoed(await once(client, 'UnaryCall', large(), echoed()));
    const call = client.FullDuplexCall(echoed(), soon());
    call.write(output(314159, 271828));
    call.end();
    expectEchoed(await all(call));
  },
  per_rpc_creds: async (client) => {
    const credentials = grpc.credentials.createFromMetadataGenerator((_, callback) => {
      const metadata = new grpc.Metadata();
      metadata.set('authorization', TOKEN);
      metadata.set(INITIAL, TOKEN);
      callback(null, metadata);
    });
    for (const [options, expected] of [[{ credentials }, [TOKEN]], [{}, []]]) {
      const { headers } = await once(client, 'UnaryCall', large(), new grpc.Metadata(), options);
      assert.deepEqual(headers.get(INITIAL), expected);
    }
  },
  status_code_and_message: (client) => expectStatus(client, 'test status message', true),
  special_status_message: (client) =>
    expectStatus(client, '\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \u{1f608}\t\n', false),
  unimplemented_method: (client) => expectFailure(once(client, 'UnimplementedCall', {}), grpc.status.UNIMPLEMENTED),
  unimplemented_service: (client, other) => expectFailure(once(other, 'UnimplementedCall', {}), grpc.status.UNIMPLEMENTED),
  cancel_after_begin: (client) =>
    expectFailure(
      new Promise((resolve, reject) => {
        const call = client.StreamingInputCall(soon(), (error) => (error ? reject(error) : resolve()));
        call.cancel();
      }),
      grpc.status.CANCELLED,
    ),
  cancel_after_first_response: async (client) => {
    const call = client.FullDuplexCall(soon());
    call.write(output(31415, 27182));
    await expectFailure(
      all(call, () => call.cancel()),
      grpc.status.CANCELLED,
    );
  },
  timeout_on_sleeping_server: async (client) => {
    const call = client.FullDuplexCall({ deadline: Date.now() + 1 });
    call.write({ payload: zeros(27182) });
    await expectFailure(all(call), grpc.status.DEADLINE_EXCEEDED);
  },
  concurrent_large_unary: async (client) => {
    const request = large();
    const call = async () => expectZeros((await once(client, 'UnaryCall', request)).response.payload, 314159);
    await Promise.all(Array.from({ length: 1000 }, call));
  },
  pick_first_unary: async (client) => {
    const servers = new Set();
    for (let i = 0; i < 100; i++) {
      const { response } = await once(client, 'UnaryCall', { response_size: 1, payload: zeros(1), fill_server_id: true });
      servers.add(response.server_id);
    }
    assert.equal(servers.size, 1);
    assert.ok(!servers.has(''));
  },
  rpc_soak: async (client) => {
    for (let i = 0; i < 10; i++) {
      await cases.large_unary(client);
    }
  },
};

async function main(address, authorities, ...names) {
  const credentials = authorities === '-' ? grpc.credentials.createInsecure() : grpc.credentials.createSsl(read(authorities));
  const client = new testing.TestService(address, credentials);
  const other = new testing.UnimplementedService(address, credentials);
  for (const name of names) {
    try {
      await cases[name](client, other);
      console.log(`${name} passed`);
    } catch (error) {
      process.exitCode = 1;
      console.log(`${name} ${String(error.stack).replaceAll('\n', ' | ')}`);
    }
  }
  client.close();
  other.close();
}

main(...process.argv.slice(2)).then(() => process.exit());
