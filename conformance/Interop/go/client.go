package main

import (
	"context"
	"fmt"
	"time"

	testing "interop"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// patience is how long a case waits for a call.
const patience = 100 * time.Second

// client is what a case is given: a connection, and how to make another.
type client struct {
	testing.TestServiceClient
	connection *grpc.ClientConn
	connect    func() (*client, error)
}

func runCases(address, authorities string, names []string) bool {
	security := grpc.WithInsecure()
	if authorities != "-" {
		trust, err := credentials.NewClientTLSFromFile(authorities, "")
		must(err)
		security = grpc.WithTransportCredentials(trust)
	}
	var connect func() (*client, error)
	connect = func() (*client, error) {
		connection, err := grpc.Dial(address, security, grpc.WithStatsHandler(arrivalWatcher{}))
		if err != nil {
			return nil, err
		}
		return &client{testing.NewTestServiceClient(connection), connection, connect}, nil
	}
	all, err := connect()
	must(err)
	defer all.connection.Close()
	passed := true
	for _, name := range names {
		run, known := cases[name]
		if !known {
			fail(fmt.Sprintf("there is no case %q", name))
		}
		if err := runCase(run, all); err != nil {
			passed = false
			fmt.Printf("%s: %q\n", name, err.Error())
		} else {
			fmt.Println(name, "passed")
		}
	}
	return passed
}

func runCase(run func(context.Context, *client) error, c *client) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return run(ctx, c)
}
