package main

import (
	"context"
	"fmt"
	"io"

	testing "interop"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
)

var (
	yes = &testing.BoolValue{Value: true}
	no  = &testing.BoolValue{Value: false}
)

func clientCompressedUnary(ctx context.Context, c *client) error {
	request := large()
	request.ExpectCompressed = yes
	_, err := c.UnaryCall(ctx, request) // the probe: it is not compressed
	if err := expectFailure(err, codes.InvalidArgument); err != nil {
		return err
	}
	if err := callLarge(ctx, c, request, grpc.UseCompressor(gzip.Name)); err != nil {
		return err
	}
	request.ExpectCompressed = no
	return callLarge(ctx, c, request)
}

func clientCompressedStreaming(ctx context.Context, c *client) error {
	probe, err := c.StreamingInputCall(ctx)
	if err != nil {
		return err
	}
	first := &testing.StreamingInputCallRequest{Payload: zeros(27182), ExpectCompressed: yes}
	if err := probe.Send(first); err != nil && err != io.EOF { // io.EOF: the server has ended the call; what follows says how
		return err
	}
	_, err = probe.CloseAndRecv()
	if err := expectFailure(err, codes.InvalidArgument); err != nil {
		return err
	}

	call, err := c.StreamingInputCall(ctx, grpc.UseCompressor(gzip.Name))
	if err != nil {
		return err
	}
	if err := call.Send(first); err != nil {
		return err
	}
	// grpc-go compresses every message of a call that compresses. One that is prepared for a call without stays as it is.
	second := &testing.StreamingInputCallRequest{Payload: zeros(45904), ExpectCompressed: no}
	plain := new(grpc.PreparedMsg)
	if err := plain.Encode(probe, second); err != nil {
		return err
	}
	if err := call.SendMsg(plain); err != nil {
		return err
	}
	return expectSum(call, 73086)
}

func serverCompressedUnary(ctx context.Context, c *client) error {
	for _, compressed := range []*testing.BoolValue{yes, no} {
		request := large()
		request.ResponseCompressed = compressed
		ctx, watch := watching(acceptingGzip(ctx))
		if err := callLarge(ctx, c, request); err != nil {
			return err
		}
		if err := expectCompression(watch, compressed.Value); err != nil {
			return err
		}
	}
	return nil
}

func serverCompressedStreaming(ctx context.Context, c *client) error {
	parameters := []*testing.ResponseParameters{{Size: 31415, Compressed: yes}, {Size: 92653, Compressed: no}}
	ctx, watch := watching(acceptingGzip(ctx))
	call, err := c.StreamingOutputCall(ctx, &testing.StreamingOutputCallRequest{ResponseParameters: parameters})
	if err != nil {
		return err
	}
	for _, expected := range parameters {
		if err := expectResponse(call, int(expected.Size)); err != nil {
			return err
		}
		if err := expectCompression(watch, expected.Compressed.Value); err != nil {
			return err
		}
	}
	return expectEnd(call)
}

// acceptingGzip tells the server what the client can decompress, which Debian's grpc-go (1.33) does not say by itself.
func acceptingGzip(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "grpc-accept-encoding", gzip.Name)
}

func expectCompression(watch *arrivals, compressed bool) error {
	if is := watch.compressed(); is != compressed {
		return fmt.Errorf("a response with compressed = %v where %v was asked for", is, compressed)
	}
	return nil
}
