// Interop runs the official interoperability cases with grpc-go, as the one end or the other.
//
// "interop server" serves grpc.testing.TestService (protos/interop/test.proto) and prints its port. With two more arguments, the files of a
// certificate and its key, it serves with TLS. It stops when its standard input is closed.
//
// "interop client" takes the server's address, the file of the authorities to trust ("-" for plaintext), and the names of cases. It prints a
// line for each: its name, and "passed" or what went wrong. It ends with code 1 if one failed.
package main

import (
	"fmt"
	"os"

	testing "interop" // generated from protos/interop before the build
)

const (
	echoInitial  = "x-grpc-test-echo-initial"
	echoTrailing = "x-grpc-test-echo-trailing-bin"
)

func main() {
	if len(os.Args) < 2 {
		fail("which end is it to be, server or client?")
	}
	switch role, arguments := os.Args[1], os.Args[2:]; role {
	case "server":
		serve(arguments)
	case "client":
		if len(arguments) < 2 {
			fail("a client needs the server's address and the file of its authorities")
		}
		if !runCases(arguments[0], arguments[1], arguments[2:]) {
			os.Exit(1)
		}
	default:
		fail(fmt.Sprintf("%q is neither server nor client", role))
	}
}

func fail(complaint string) {
	fmt.Fprintln(os.Stderr, complaint)
	os.Exit(2)
}

func must(err error) {
	if err != nil {
		fail(err.Error())
	}
}

func zeros(size int) *testing.Payload {
	return &testing.Payload{Body: make([]byte, size)}
}
