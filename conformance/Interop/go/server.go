package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	testing "interop"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	_ "google.golang.org/grpc/encoding/gzip" // a server that has it answers compressed requests in kind
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

func serve(pemFiles []string) {
	options := []grpc.ServerOption{grpc.StatsHandler(arrivalWatcher{})}
	if len(pemFiles) == 2 {
		identity, err := credentials.NewServerTLSFromFile(pemFiles[0], pemFiles[1])
		must(err)
		options = append(options, grpc.Creds(identity))
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	server := grpc.NewServer(options...)
	testing.RegisterTestServiceServer(server, new(testService))
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // an input that fails has ended, too
		server.Stop()
	}()
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	must(server.Serve(listener))
}

// testService leaves UnimplementedCall to what is generated.
type testService struct {
	testing.UnimplementedTestServiceServer
}

func (testService) EmptyCall(context.Context, *testing.Empty) (*testing.Empty, error) {
	return new(testing.Empty), nil
}

func (testService) UnaryCall(ctx context.Context, request *testing.SimpleRequest) (*testing.SimpleResponse, error) {
	if err := expectCompressed(ctx, request.ExpectCompressed); err != nil {
		return nil, err
	}
	headers, trailers := echoes(ctx)
	if err := grpc.SetHeader(ctx, headers); err != nil {
		return nil, err
	}
	if err := grpc.SetTrailer(ctx, trailers); err != nil {
		return nil, err
	}
	if err := askedFor(request.ResponseStatus); err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	response := &testing.SimpleResponse{Payload: zeros(int(request.ResponseSize)), Hostname: host}
	if request.FillServerId {
		response.ServerId = "go"
	}
	return response, nil
}

func (testService) CacheableUnaryCall(_ context.Context, request *testing.SimpleRequest) (*testing.SimpleResponse, error) {
	return &testing.SimpleResponse{Payload: request.Payload}, nil
}

func (testService) StreamingOutputCall(request *testing.StreamingOutputCallRequest, call testing.TestService_StreamingOutputCallServer) error {
	if err := echo(call); err != nil {
		return err
	}
	return respond(call, request)
}

func (testService) StreamingInputCall(call testing.TestService_StreamingInputCallServer) error {
	size := 0
	for {
		request, err := call.Recv()
		if err == io.EOF {
			return call.SendAndClose(&testing.StreamingInputCallResponse{AggregatedPayloadSize: int32(size)})
		}
		if err != nil {
			return err
		}
		if err := expectCompressed(call.Context(), request.ExpectCompressed); err != nil {
			return err
		}
		size += len(request.Payload.Body)
	}
}

func (testService) FullDuplexCall(call testing.TestService_FullDuplexCallServer) error {
	if err := echo(call); err != nil {
		return err
	}
	for {
		request, err := call.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := askedFor(request.ResponseStatus); err != nil {
			return err
		}
		if err := respond(call, request); err != nil {
			return err
		}
	}
}

func (testService) HalfDuplexCall(call testing.TestService_HalfDuplexCallServer) error {
	if err := echo(call); err != nil {
		return err
	}
	var requests []*testing.StreamingOutputCallRequest
	for {
		request, err := call.Recv()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		requests = append(requests, request)
	}
	for _, request := range requests {
		if err := respond(call, request); err != nil {
			return err
		}
	}
	return nil
}

// responder is a call that has many responses.
type responder interface {
	grpc.ServerStream
	Send(*testing.StreamingOutputCallResponse) error
}

func respond(call responder, request *testing.StreamingOutputCallRequest) error {
	for _, parameters := range request.ResponseParameters {
		if parameters.IntervalUs > 0 {
			select {
			case <-time.After(time.Duration(parameters.IntervalUs) * time.Microsecond):
			case <-call.Context().Done():
				return status.FromContextError(call.Context().Err()).Err()
			}
		}
		if err := call.Send(&testing.StreamingOutputCallResponse{Payload: zeros(int(parameters.Size))}); err != nil {
			return err
		}
	}
	return nil
}

func echo(call grpc.ServerStream) error {
	headers, trailers := echoes(call.Context())
	call.SetTrailer(trailers)
	return call.SendHeader(headers)
}

// echoes is what comes back of a call's metadata: in the headers, and in the trailers.
func echoes(ctx context.Context) (headers, trailers metadata.MD) {
	headers, trailers = metadata.MD{}, metadata.MD{}
	if received, ok := metadata.FromIncomingContext(ctx); ok {
		headers.Append(echoInitial, received.Get(echoInitial)...)
		trailers.Append(echoTrailing, received.Get(echoTrailing)...)
	}
	return headers, trailers
}

// askedFor is the status that a request wants its call to end with; nil for none.
func askedFor(wanted *testing.EchoStatus) error {
	return status.Error(codes.Code(wanted.GetCode()), wanted.GetMessage())
}

func expectCompressed(ctx context.Context, expected *testing.BoolValue) error {
	if is := arrivalsOf(ctx).compressed(); expected != nil && is != expected.Value {
		return status.Errorf(codes.InvalidArgument, "the request was to come with compressed = %v, but came with %v", expected.Value, is)
	}
	return nil
}
