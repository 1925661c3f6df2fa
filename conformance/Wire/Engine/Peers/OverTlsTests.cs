using MiniGrpc.Conformance.Wire.Robustness;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <summary>What holds over plaintext is tested over TLS as well: no class of tests is left out without a reason.</summary>
public class OverTlsTests
{
    /// <summary>Where the tests have connections: those of sections of RFC 9113 and of gRPC, on either end, and the attacks.</summary>
    private static readonly string[] s_namespaces = ["Engine.BothEnds", "Engine.Client", "Engine.Server", "Robustness"];

    private static readonly Dictionary<Type, string> s_leftOut = new()
    {
        [typeof(CreditOfAMillionStreams)] = "it has the inbound half alone, and no connection",
        [typeof(HeaderLists)] = "it has the inbound half alone, and no connection",
    };

    [Fact]
    public void A_class_of_tests_is_repeated_over_TLS_or_left_out_for_a_reason()
    {
        Type[] all = [.. typeof(OverTlsTests).Assembly.GetTypes().Where(type => s_namespaces.Any(name => type.Namespace == "MiniGrpc.Conformance.Wire." + name))];
        Type[] repeated = [.. all.Where(type => type.IsAssignableTo(typeof(IOverTls))).Select(type => type.BaseType!)];
        Type[] classes = [.. all.Where(type => !type.IsAssignableTo(typeof(IOverTls)) && HasTests(type))];
        Assert.Equal(
            classes.Select(type => type.FullName).Order(StringComparer.Ordinal),
            repeated.Concat(s_leftOut.Keys).Select(type => type.FullName).Order(StringComparer.Ordinal));
    }

    private static bool HasTests(Type type) =>
        type.GetMethods().Any(method => method.GetCustomAttributes(inherit: true).OfType<Xunit.v3.IFactAttribute>().Any());
}
