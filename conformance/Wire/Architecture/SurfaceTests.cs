using System.Reflection;

namespace MiniGrpc.Conformance.Wire.Architecture;

/// <summary>What all public types have in common.</summary>
public class SurfaceTests
{
    private static IEnumerable<Type> PublicTypes =>
        new[] { typeof(MiniGrpc.Wire.WireFrame), typeof(MiniGrpc.Server.GrpcServer), typeof(MiniGrpc.Client.MiniChannel) }
            .SelectMany(type => type.Assembly.GetExportedTypes());

    [Fact]
    public void Public_types_have_no_public_fields()
    {
        IEnumerable<FieldInfo> fields = PublicTypes
            .Where(type => !type.IsEnum)
            .SelectMany(type => type.GetFields(BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly));
        Assert.Empty(fields.Where(field => !field.IsLiteral).Select(field => $"{field.DeclaringType}.{field.Name}"));
    }

    [Fact]
    public void Public_classes_are_sealed_or_static()
    {
        // Nobody derives from what was not made to be derived from; opening a class later breaks no one.
        Assert.Empty(PublicTypes.Where(type => type is { IsClass: true, IsSealed: false }).Select(type => type.FullName));
    }
}
