using System.Reflection;

namespace MiniGrpc.Conformance.Wire.Architecture;

/// <summary>What all public types have in common.</summary>
public class SurfaceTests
{
    /// <summary>Public classes that others derive from, with the reason.</summary>
    private static readonly Dictionary<string, string> s_bases = new()
    {
        ["MiniGrpc.Client.Configuration.LoadBalancingConfig"] = "each policy's config is one; nothing in it can be overridden",
    };

    private static IEnumerable<Type> PublicTypes =>
        new[] { typeof(MiniGrpc.Wire.WireFrame), typeof(MiniGrpc.Server.GrpcServer), typeof(MiniGrpc.Client.MiniChannel) }
            .SelectMany(type => type.Assembly.GetExportedTypes());

    /// <summary>Folders of Wire are namespaces, but for what users name: see <see cref="Folders"/>.</summary>
    [Fact]
    public void One_using_directive_is_enough_for_Wire() =>
        Assert.All(typeof(MiniGrpc.Wire.WireFrame).Assembly.GetExportedTypes(), type => Assert.Equal("MiniGrpc.Wire", type.Namespace));

    [Fact]
    public void Public_types_have_no_public_fields()
    {
        IEnumerable<FieldInfo> fields = PublicTypes
            .Where(type => !type.IsEnum)
            .SelectMany(type => type.GetFields(BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly));
        Assert.Empty(fields.Where(field => !field.IsLiteral).Select(field => $"{field.DeclaringType}.{field.Name}"));
    }

    [Fact]
    public void Public_classes_are_sealed_or_static_or_abstract_or_named_here()
    {
        // Nobody derives from what was not made to be derived from; opening a class later breaks no one.
        Assert.Equal(s_bases.Keys, PublicTypes.Where(type => type is { IsClass: true, IsSealed: false, IsAbstract: false }).Select(type => type.FullName!));
    }
}
