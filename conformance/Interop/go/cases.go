package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	testing "interop"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

const (
	largeRequest  = 271828
	largeResponse = 314159
	initialValue  = "test_initial_metadata_value"
	trailingValue = "\xab\xab\xab"
)

var (
	requestSizes  = []int{27182, 8, 1828, 45904}
	responseSizes = []int{31415, 9, 2653, 58979}
)

var cases = map[string]func(context.Context, *client) error{
	"empty_unary":                 emptyUnary,
	"cacheable_unary":             cacheableUnary,
	"large_unary":                 largeUnary,
	"client_compressed_unary":     clientCompressedUnary,
	"server_compressed_unary":     serverCompressedUnary,
	"client_streaming":            clientStreaming,
	"client_compressed_streaming": clientCompressedStreaming,
	"server_streaming":            serverStreaming,
	"server_compressed_streaming": serverCompressedStreaming,
	"ping_pong":                   pingPong,
	"empty_stream":                emptyStream,
	"custom_metadata":             customMetadata,
	"per_rpc_creds":               perRPCCreds,
	"status_code_and_message":     statusCodeAndMessage,
	"special_status_message":      specialStatusMessage,
	"unimplemented_method":        unimplementedMethod,
	"unimplemented_service":       unimplementedService,
	"cancel_after_begin":          cancelAfterBegin,
	"cancel_after_first_response": cancelAfterFirstResponse,
	"timeout_on_sleeping_server":  timeoutOnSleepingServer,
	"concurrent_large_unary":      concurrentLargeUnary,
	"pick_first_unary":            pickFirstUnary,
	"rpc_soak":                    rpcSoak,
	"channel_soak":                channelSoak,
}

func large() *testing.SimpleRequest {
	return &testing.SimpleRequest{ResponseSize: largeResponse, Payload: zeros(largeRequest)}
}

func output(size, payload int) *testing.StreamingOutputCallRequest {
	return &testing.StreamingOutputCallRequest{
		ResponseParameters: []*testing.ResponseParameters{{Size: int32(size)}},
		Payload:            zeros(payload),
	}
}

func expectZeros(payload *testing.Payload, size int) error {
	if !bytes.Equal(payload.GetBody(), make([]byte, size)) {
		return fmt.Errorf("a payload of %d bytes instead of %d zeros", len(payload.GetBody()), size)
	}
	return nil
}

// expectFailure is nil if err is the status that a call is to end with.
func expectFailure(err error, code codes.Code) error {
	if status.Code(err) != code {
		return fmt.Errorf("the call ended with %v instead of %v", err, code)
	}
	return nil
}

func expectMessage(err error, code codes.Code, message string) error {
	if got := status.Convert(err); got.Code() != code || got.Message() != message {
		return fmt.Errorf("the call ended with %v %q instead of %v %q", got.Code(), got.Message(), code, message)
	}
	return nil
}

// responses is a call that has many.
type responses interface {
	grpc.ClientStream
	Recv() (*testing.StreamingOutputCallResponse, error)
}

func expectResponse(call responses, size int) error {
	response, err := call.Recv()
	if err != nil {
		return err
	}
	return expectZeros(response.Payload, size)
}

func expectEnd(call responses) error {
	response, err := call.Recv()
	if err == nil {
		return fmt.Errorf("a response more than was asked for, of %d bytes", len(response.Payload.GetBody()))
	}
	if err != io.EOF {
		return err
	}
	return nil
}

func emptyUnary(ctx context.Context, c *client) error {
	_, err := c.EmptyCall(ctx, new(testing.Empty))
	return err
}

func cacheableUnary(ctx context.Context, c *client) error {
	request := &testing.SimpleRequest{Payload: &testing.Payload{Body: []byte("the same")}}
	first, err := c.CacheableUnaryCall(ctx, request)
	if err != nil {
		return err
	}
	second, err := c.CacheableUnaryCall(ctx, request)
	if err != nil {
		return err
	}
	if first.String() != second.String() {
		return fmt.Errorf("two answers to one question: %v, %v", first, second)
	}
	return nil
}

func largeUnary(ctx context.Context, c *client) error {
	return callLarge(ctx, c, large())
}

func callLarge(ctx context.Context, c *client, request *testing.SimpleRequest, options ...grpc.CallOption) error {
	response, err := c.UnaryCall(ctx, request, options...)
	if err != nil {
		return err
	}
	return expectZeros(response.Payload, int(request.ResponseSize))
}

func clientStreaming(ctx context.Context, c *client) error {
	call, err := c.StreamingInputCall(ctx)
	if err != nil {
		return err
	}
	for _, size := range requestSizes {
		if err := call.Send(&testing.StreamingInputCallRequest{Payload: zeros(size)}); err != nil {
			return err
		}
	}
	return expectSum(call, 74922)
}

func expectSum(call testing.TestService_StreamingInputCallClient, sum int32) error {
	response, err := call.CloseAndRecv()
	if err != nil {
		return err
	}
	if response.AggregatedPayloadSize != sum {
		return fmt.Errorf("the sum of the sizes is %d instead of %d", response.AggregatedPayloadSize, sum)
	}
	return nil
}

func serverStreaming(ctx context.Context, c *client) error {
	request := new(testing.StreamingOutputCallRequest)
	for _, size := range responseSizes {
		request.ResponseParameters = append(request.ResponseParameters, &testing.ResponseParameters{Size: int32(size)})
	}
	call, err := c.StreamingOutputCall(ctx, request)
	if err != nil {
		return err
	}
	for _, size := range responseSizes {
		if err := expectResponse(call, size); err != nil {
			return err
		}
	}
	return expectEnd(call)
}

func pingPong(ctx context.Context, c *client) error {
	call, err := c.FullDuplexCall(ctx)
	if err != nil {
		return err
	}
	for i, size := range responseSizes {
		if err := call.Send(output(size, requestSizes[i])); err != nil {
			return err
		}
		if err := expectResponse(call, size); err != nil {
			return err
		}
	}
	return closeAndExpectEnd(call)
}

func emptyStream(ctx context.Context, c *client) error {
	call, err := c.FullDuplexCall(ctx)
	if err != nil {
		return err
	}
	return closeAndExpectEnd(call)
}

func closeAndExpectEnd(call responses) error {
	if err := call.CloseSend(); err != nil {
		return err
	}
	return expectEnd(call)
}

func customMetadata(ctx context.Context, c *client) error {
	ctx = metadata.AppendToOutgoingContext(ctx, echoInitial, initialValue, echoTrailing, trailingValue)
	var headers, trailers metadata.MD
	if err := callLarge(ctx, c, large(), grpc.Header(&headers), grpc.Trailer(&trailers)); err != nil {
		return err
	}
	if err := expectEchoed(headers, trailers); err != nil {
		return err
	}
	call, err := c.FullDuplexCall(ctx)
	if err != nil {
		return err
	}
	if err := call.Send(output(largeResponse, largeRequest)); err != nil {
		return err
	}
	if err := expectResponse(call, largeResponse); err != nil {
		return err
	}
	if err := closeAndExpectEnd(call); err != nil {
		return err
	}
	if headers, err = call.Header(); err != nil {
		return err
	}
	return expectEchoed(headers, call.Trailer())
}

func expectEchoed(headers, trailers metadata.MD) error {
	if got := headers.Get(echoInitial); len(got) != 1 || got[0] != initialValue {
		return fmt.Errorf("%s in the headers is %q", echoInitial, got)
	}
	if got := trailers.Get(echoTrailing); len(got) != 1 || got[0] != trailingValue {
		return fmt.Errorf("%s in the trailers is %q", echoTrailing, got)
	}
	return nil
}

// token is credentials of a call, which the server echoes.
type token string

func (t token) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": string(t), echoInitial: string(t)}, nil
}

func (token) RequireTransportSecurity() bool { return false }

func perRPCCreds(ctx context.Context, c *client) error {
	const value = token("Bearer test_token")
	var headers metadata.MD
	if err := callLarge(ctx, c, large(), grpc.PerRPCCredentials(value), grpc.Header(&headers)); err != nil {
		return err
	}
	if got := headers.Get(echoInitial); len(got) != 1 || got[0] != string(value) {
		return fmt.Errorf("%s of a call with credentials is %q", echoInitial, got)
	}
	headers = nil
	if err := callLarge(ctx, c, large(), grpc.Header(&headers)); err != nil {
		return err
	}
	if got := headers.Get(echoInitial); len(got) != 0 {
		return fmt.Errorf("%s of a call without credentials is %q", echoInitial, got)
	}
	return nil
}

func statusCodeAndMessage(ctx context.Context, c *client) error {
	const message = "test status message"
	if err := expectUnaryStatus(ctx, c, message); err != nil {
		return err
	}
	call, err := c.FullDuplexCall(ctx)
	if err != nil {
		return err
	}
	asked := &testing.EchoStatus{Code: int32(codes.Unknown), Message: message}
	if err := call.Send(&testing.StreamingOutputCallRequest{ResponseStatus: asked}); err != nil {
		return err
	}
	_, err = call.Recv()
	return expectMessage(err, codes.Unknown, message)
}

func specialStatusMessage(ctx context.Context, c *client) error {
	return expectUnaryStatus(ctx, c, "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \U0001f608\t\n")
}

func expectUnaryStatus(ctx context.Context, c *client, message string) error {
	asked := &testing.EchoStatus{Code: int32(codes.Unknown), Message: message}
	_, err := c.UnaryCall(ctx, &testing.SimpleRequest{ResponseStatus: asked})
	return expectMessage(err, codes.Unknown, message)
}

func unimplementedMethod(ctx context.Context, c *client) error {
	_, err := c.UnimplementedCall(ctx, new(testing.Empty))
	return expectFailure(err, codes.Unimplemented)
}

func unimplementedService(ctx context.Context, c *client) error {
	_, err := testing.NewUnimplementedServiceClient(c.connection).UnimplementedCall(ctx, new(testing.Empty))
	return expectFailure(err, codes.Unimplemented)
}

func cancelAfterBegin(ctx context.Context, c *client) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	call, err := c.StreamingInputCall(ctx)
	if err != nil {
		return err
	}
	cancel()
	_, err = call.CloseAndRecv()
	return expectFailure(err, codes.Canceled)
}

func cancelAfterFirstResponse(ctx context.Context, c *client) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	call, err := c.FullDuplexCall(ctx)
	if err != nil {
		return err
	}
	if err := call.Send(output(31415, 27182)); err != nil {
		return err
	}
	if err := expectResponse(call, 31415); err != nil {
		return err
	}
	cancel()
	_, err = call.Recv()
	return expectFailure(err, codes.Canceled)
}

func timeoutOnSleepingServer(ctx context.Context, c *client) error {
	ctx, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	call, err := c.FullDuplexCall(ctx)
	if err == nil {
		// The deadline may be over before the request is written: then Send has io.EOF, and Recv the reason.
		if err = call.Send(&testing.StreamingOutputCallRequest{Payload: zeros(27182)}); err == nil || err == io.EOF {
			_, err = call.Recv()
		}
	}
	return expectFailure(err, codes.DeadlineExceeded)
}

func concurrentLargeUnary(ctx context.Context, c *client) error {
	errors := make([]error, 1000)
	var calls sync.WaitGroup
	for i := range errors {
		calls.Add(1)
		go func(result *error) {
			defer calls.Done()
			*result = largeUnary(ctx, c)
		}(&errors[i])
	}
	calls.Wait()
	for _, err := range errors {
		if err != nil {
			return err
		}
	}
	return nil
}

func pickFirstUnary(ctx context.Context, c *client) error {
	server := ""
	for i := 0; i < 100; i++ {
		response, err := c.UnaryCall(ctx, &testing.SimpleRequest{ResponseSize: 1, Payload: zeros(1), FillServerId: true})
		if err != nil {
			return err
		}
		if i == 0 {
			server = response.ServerId
		}
		if server == "" || response.ServerId != server {
			return fmt.Errorf("call %d was answered by %q, the first one by %q", i, response.ServerId, server)
		}
	}
	return nil
}

func rpcSoak(ctx context.Context, c *client) error {
	for i := 0; i < 10; i++ {
		if err := largeUnary(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// channelSoak makes each of its calls on a connection of its own.
func channelSoak(ctx context.Context, c *client) error {
	for i := 0; i < 10; i++ {
		other, err := c.connect()
		if err != nil {
			return err
		}
		if err := largeUnary(ctx, other); err != nil {
			other.connection.Close()
			return err
		}
		if err := other.connection.Close(); err != nil {
			return err
		}
	}
	return nil
}
