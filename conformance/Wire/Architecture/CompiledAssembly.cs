using System.Collections.Immutable;
using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

namespace MiniGrpc.Conformance.Wire.Architecture;

/// <summary>
/// A compiled assembly, read as metadata: every type and member that its code names. What the compiler made of the source
/// counts, so nothing hides behind an alias, an inferred type, a lambda or an async method.
/// </summary>
internal sealed class CompiledAssembly
{
    private CompiledAssembly(string name, ImmutableArray<string> references, ImmutableArray<string> externs, ImmutableArray<TypeName> types, ImmutableArray<Reference> uses)
    {
        Name = name;
        References = references;
        Externs = externs;
        Types = types;
        Uses = uses;
    }

    /// <summary>MiniGrpc.Wire.</summary>
    public static CompiledAssembly Wire { get; } = Load(typeof(MiniGrpc.Wire.Http2.Role).Assembly);

    /// <summary>MiniGrpc.Server.</summary>
    public static CompiledAssembly Server { get; } = Load(typeof(MiniGrpc.Server.GrpcServer).Assembly);

    /// <summary>MiniGrpc.Client.</summary>
    public static CompiledAssembly Client { get; } = Load(typeof(MiniGrpc.Client.MiniChannel).Assembly);

    /// <summary>The assembly's name.</summary>
    public string Name { get; }

    /// <summary>The assemblies that it needs.</summary>
    public ImmutableArray<string> References { get; }

    /// <summary>Methods whose body is native code: what DllImport and LibraryImport come to.</summary>
    public ImmutableArray<string> Externs { get; }

    /// <summary>The types that aren't nested, without those that the compiler made up.</summary>
    public ImmutableArray<TypeName> Types { get; }

    /// <summary>Everything that is named in bodies, signatures, fields, base types, interfaces and attributes.</summary>
    public ImmutableArray<Reference> Uses { get; }

    /// <summary>Reads <paramref name="assembly"/>'s file.</summary>
    public static CompiledAssembly Load(Assembly assembly)
    {
        using var file = new PEReader(File.OpenRead(assembly.Location));
        MetadataReader metadata = file.GetMetadataReader();
        var names = new TypeNames(metadata);
        var walk = new ReferenceWalk(file, metadata, names);
        return new CompiledAssembly(
            assembly.GetName().Name!,
            [.. metadata.AssemblyReferences.Select(handle => metadata.GetString(metadata.GetAssemblyReference(handle).Name))],
            [.. metadata.MethodDefinitions.Select(metadata.GetMethodDefinition).Where(IsExtern).Select(method => metadata.GetString(method.Name))],
            [.. metadata.TypeDefinitions.Where(type => !metadata.GetTypeDefinition(type).IsNested).Select(names.Outermost).Where(IsWritten)],
            [.. metadata.TypeDefinitions.SelectMany(walk.Of).Distinct()]);
    }

    private static bool IsExtern(MethodDefinition method) => (method.Attributes & MethodAttributes.PinvokeImpl) != 0;

    /// <summary>The compiler's own names start with "&lt;", and the attributes that it embeds stand in namespaces of the framework.</summary>
    private static bool IsWritten(TypeName type) => type.Namespace.StartsWith("MiniGrpc", StringComparison.Ordinal) && !type.Name.StartsWith('<');
}

/// <summary>Finds the name of the outermost type around whatever a handle of the metadata points to.</summary>
internal sealed class TypeNames(MetadataReader metadata)
{
    /// <summary>The name of a type defined in the assembly.</summary>
    public TypeName Outermost(TypeDefinitionHandle handle)
    {
        TypeDefinition type = metadata.GetTypeDefinition(handle);
        while (type.IsNested)
        {
            type = metadata.GetTypeDefinition(type.GetDeclaringType());
        }

        return Name(type.Namespace, type.Name);
    }

    /// <summary>The name of a type defined in another assembly.</summary>
    public TypeName Outermost(TypeReferenceHandle handle)
    {
        TypeReference type = metadata.GetTypeReference(handle);
        while (type.ResolutionScope.Kind == HandleKind.TypeReference)
        {
            type = metadata.GetTypeReference((TypeReferenceHandle)type.ResolutionScope);
        }

        return Name(type.Namespace, type.Name);
    }

    private TypeName Name(StringHandle space, StringHandle name) => new(metadata.GetString(space), metadata.GetString(name).Split('`')[0]);
}
