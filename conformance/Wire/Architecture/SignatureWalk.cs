using System.Collections.Immutable;
using System.Reflection.Metadata;

namespace MiniGrpc.Conformance.Wire.Architecture;

/// <summary>Reports every type that a signature names, however deep: element types, type arguments, modifiers.</summary>
internal sealed class SignatureWalk(TypeNames names, Action<TypeName> report) : ISignatureTypeProvider<SignatureWalk.Unit, object?>
{
    public Unit GetTypeFromDefinition(MetadataReader reader, TypeDefinitionHandle handle, byte rawTypeKind)
    {
        report(names.Outermost(handle));
        return default;
    }

    public Unit GetTypeFromReference(MetadataReader reader, TypeReferenceHandle handle, byte rawTypeKind)
    {
        report(names.Outermost(handle));
        return default;
    }

    public Unit GetTypeFromSpecification(MetadataReader reader, object? genericContext, TypeSpecificationHandle handle, byte rawTypeKind) =>
        reader.GetTypeSpecification(handle).DecodeSignature(this, genericContext);

    // The rest is put together of parts that have been reported already.
    public Unit GetArrayType(Unit elementType, ArrayShape shape) => default;

    public Unit GetByReferenceType(Unit elementType) => default;

    public Unit GetFunctionPointerType(MethodSignature<Unit> signature) => default;

    public Unit GetGenericInstantiation(Unit genericType, ImmutableArray<Unit> typeArguments) => default;

    public Unit GetGenericMethodParameter(object? genericContext, int index) => default;

    public Unit GetGenericTypeParameter(object? genericContext, int index) => default;

    public Unit GetModifiedType(Unit modifier, Unit unmodifiedType, bool isRequired) => default;

    public Unit GetPinnedType(Unit elementType) => default;

    public Unit GetPointerType(Unit elementType) => default;

    public Unit GetPrimitiveType(PrimitiveTypeCode typeCode) => default;

    public Unit GetSZArrayType(Unit elementType) => default;

    /// <summary>Nothing: what counts is what was reported on the way.</summary>
    internal readonly struct Unit;
}
