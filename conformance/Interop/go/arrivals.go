package main

import (
	"context"
	"sync/atomic"

	"google.golang.org/grpc/stats"
)

// messagePrefix is what stands before each message on the wire: a flag and a length.
const messagePrefix = 5

type arrivalsKey struct{}

// arrivals is what a call's end knows of the messages that have reached it. grpc-go decompresses without a word, but tells a stats.Handler
// how long a message was on the wire and how long it is.
type arrivals struct {
	lastCompressed int32 // 1 if the last one came compressed
}

func (a *arrivals) compressed() bool {
	return atomic.LoadInt32(&a.lastCompressed) == 1
}

// watching returns a context for a client's call, and what it will know of the responses.
func watching(ctx context.Context) (context.Context, *arrivals) {
	watch := new(arrivals)
	return context.WithValue(ctx, arrivalsKey{}, watch), watch
}

// arrivalsOf is what is known of a served call's requests.
func arrivalsOf(ctx context.Context) *arrivals {
	return ctx.Value(arrivalsKey{}).(*arrivals)
}

// arrivalWatcher notes them, on either end. It looks at calls alone, not at connections.
type arrivalWatcher struct{}

func (arrivalWatcher) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context {
	if ctx.Value(arrivalsKey{}) == nil {
		ctx, _ = watching(ctx)
	}
	return ctx
}

func (arrivalWatcher) HandleRPC(ctx context.Context, event stats.RPCStats) {
	if message, ok := event.(*stats.InPayload); ok {
		compressed := int32(0)
		if message.WireLength-messagePrefix != message.Length {
			compressed = 1
		}
		atomic.StoreInt32(&arrivalsOf(ctx).lastCompressed, compressed)
	}
}

func (arrivalWatcher) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context {
	return ctx
}

func (arrivalWatcher) HandleConn(context.Context, stats.ConnStats) {}
