using System.Text.Json;
using Google.Protobuf.Reflection;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.HealthCheck;
using Grpc.Reflection;
using MiniGrpc.Conformance.Interop.Calls;
using MiniGrpc.Conformance.Interop.Peers;
using MiniGrpc.Conformance.Interop.Programs;
using MiniGrpc.Conformance.Interop.Service;
using MiniGrpc.Conformance.Protos;
using MiniGrpc.Server;
using V1 = Grpc.Reflection.V1;
using V1Alpha = Grpc.Reflection.V1Alpha;

namespace MiniGrpc.Conformance.Interop.Server;

/// <summary>The reflection services of Grpc.Reflection on our server, both versions: who asks needs no protos.</summary>
public sealed class ReflectionTests
{
    private static readonly string[] s_services = ["minigrpc.conformance.TestService", "grpc.health.v1.Health"];

    [Theory, Matrix]
    public async Task V1_lists_the_services_and_describes_them(IClientPeer peer)
    {
        await using GrpcServer server = await StartAsync();
        await using IClientChannel channel = server.ConnectBy(peer);
        using AsyncDuplexStreamingCall<V1.ServerReflectionRequest, V1.ServerReflectionResponse> call =
            new V1.ServerReflection.ServerReflectionClient(channel.Channel).ServerReflectionInfo();

        V1.ServerReflectionResponse list = await AskAsync(call, new V1.ServerReflectionRequest { ListServices = "" });
        Assert.Equal(s_services.Order(), list.ListServicesResponse.Service.Select(service => service.Name).Order());

        V1.ServerReflectionResponse file = await AskAsync(call, new V1.ServerReflectionRequest { FileContainingSymbol = s_services[0] });
        Assert.Equal(["minigrpc.conformance"], PackagesOf(file.FileDescriptorResponse.FileDescriptorProto));

        V1.ServerReflectionResponse none = await AskAsync(call, new V1.ServerReflectionRequest { FileContainingSymbol = "nobody.Service" });
        Assert.Equal((int)StatusCode.NotFound, none.ErrorResponse.ErrorCode);
    }

    [Theory, Matrix]
    public async Task V1alpha_lists_the_services_and_describes_them(IClientPeer peer)
    {
        await using GrpcServer server = await StartAsync();
        await using IClientChannel channel = server.ConnectBy(peer);
        using AsyncDuplexStreamingCall<V1Alpha.ServerReflectionRequest, V1Alpha.ServerReflectionResponse> call =
            new V1Alpha.ServerReflection.ServerReflectionClient(channel.Channel).ServerReflectionInfo();

        V1Alpha.ServerReflectionResponse list = await AskAsync(call, new V1Alpha.ServerReflectionRequest { ListServices = "" });
        Assert.Equal(s_services.Order(), list.ListServicesResponse.Service.Select(service => service.Name).Order());

        V1Alpha.ServerReflectionResponse file = await AskAsync(call, new V1Alpha.ServerReflectionRequest { FileContainingSymbol = s_services[0] });
        Assert.Equal(["minigrpc.conformance"], PackagesOf(file.FileDescriptorResponse.FileDescriptorProto));
    }

    [Theory]
    [InlineData("grpc-v1")]
    [InlineData("grpc-v1alpha")]
    public async Task Buf_curl_lists_the_services_without_protos(string protocol)
    {
        await using GrpcServer server = await StartAsync();
        await using PeerProcess client = await NodeRuntime.StartReflectingBufCurlAsync(
            "--reflect-protocol", protocol, "--list-services", server.Addresses.Single());
        string[] listed = (await client.OutputAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        Assert.Equal(s_services.Order(), listed.Order());
    }

    [Theory]
    [InlineData("grpc-v1")]
    [InlineData("grpc-v1alpha")]
    public async Task Buf_curl_calls_without_protos(string protocol)
    {
        await using GrpcServer server = await StartAsync();
        await using PeerProcess client = await NodeRuntime.StartReflectingBufCurlAsync(
            "--reflect-protocol", protocol, "--data", """{"answer": {"count": 1, "size": 5}}""", $"{server.Addresses.Single()}/{s_services[0]}/Unary");
        using var response = JsonDocument.Parse(await client.OutputAsync());
        Assert.Equal([0, 1, 2, 3, 4], response.RootElement.GetProperty("payload").GetBytesFromBase64());
    }

    /// <summary>The probe of Kubernetes once more, from Go.</summary>
    [Fact]
    public async Task Buf_curl_checks_the_health_as_a_probe_does()
    {
        await using GrpcServer server = await StartAsync();
        await using PeerProcess client = await NodeRuntime.StartReflectingBufCurlAsync(
            "--user-agent", "kube-probe/1.34", "--data", "{}", $"{server.Addresses.Single()}/{s_services[1]}/Check");
        using var response = JsonDocument.Parse(await client.OutputAsync());
        Assert.Equal("SERVING", response.RootElement.GetProperty("status").GetString());
    }

    /// <summary>As docs/services.md shows it.</summary>
    private static Task<GrpcServer> StartAsync() => OurServer.StartAsync(server =>
    {
        HealthServiceImpl health = new();
        health.SetStatus("", HealthCheckResponse.Types.ServingStatus.Serving);
        server.Services.Add(TestService.BindService(new ConformanceService(new Metadata.Entry("unused", ""))));
        server.Services.Add(Health.BindService(health));
        ServiceDescriptor[] described = [TestService.Descriptor, Health.Descriptor];
        server.Services.Add(V1.ServerReflection.BindService(new ReflectionV1ServiceImpl(described)));
        server.Services.Add(V1Alpha.ServerReflection.BindService(new ReflectionServiceImpl(described)));
    });

    private static async Task<TResponse> AskAsync<TRequest, TResponse>(AsyncDuplexStreamingCall<TRequest, TResponse> call, TRequest request)
    {
        await call.RequestStream.WriteAsync(request).WithinLimit("a question");
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None).WithinLimit("the answer"));
        return call.ResponseStream.Current;
    }

    private static IEnumerable<string> PackagesOf(IEnumerable<Google.Protobuf.ByteString> files) =>
        files.Select(file => FileDescriptorProto.Parser.ParseFrom(file).Package);
}
