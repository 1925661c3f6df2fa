using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

namespace MiniGrpc.Conformance.Wire.Architecture;

/// <summary>Walks through everything that a type consists of and notes what it names (ECMA-335 partition II).</summary>
internal sealed class ReferenceWalk
{
    private readonly PEReader _file;
    private readonly MetadataReader _metadata;
    private readonly TypeNames _names;
    private readonly SignatureWalk _signatures;
    private readonly HashSet<Reference> _found = [];
    private TypeName _from = new("", "");
    private string _where = "";

    public ReferenceWalk(PEReader file, MetadataReader metadata, TypeNames names)
    {
        _file = file;
        _metadata = metadata;
        _names = names;
        _signatures = new SignatureWalk(names, type => Note(type));
    }

    /// <summary>What the type <paramref name="handle"/> names.</summary>
    public IReadOnlyCollection<Reference> Of(TypeDefinitionHandle handle)
    {
        TypeDefinition type = _metadata.GetTypeDefinition(handle);
        _found.Clear();
        _from = _names.Outermost(handle);
        _where = "(declaration)";
        OnHandle(type.BaseType);
        OnAttributes(type.GetCustomAttributes());
        foreach (InterfaceImplementationHandle implementation in type.GetInterfaceImplementations())
        {
            OnHandle(_metadata.GetInterfaceImplementation(implementation).Interface);
        }

        OnConstraints(type.GetGenericParameters());
        foreach (FieldDefinitionHandle fieldHandle in type.GetFields())
        {
            FieldDefinition field = _metadata.GetFieldDefinition(fieldHandle);
            _where = _metadata.GetString(field.Name);
            field.DecodeSignature(_signatures, null);
            OnAttributes(field.GetCustomAttributes());
        }

        foreach (MethodDefinitionHandle methodHandle in type.GetMethods())
        {
            OnMethod(_metadata.GetMethodDefinition(methodHandle));
        }

        return [.. _found];
    }

    private void OnMethod(MethodDefinition method)
    {
        _where = _metadata.GetString(method.Name);
        method.DecodeSignature(_signatures, null);
        OnAttributes(method.GetCustomAttributes());
        OnConstraints(method.GetGenericParameters());
        if (method.RelativeVirtualAddress == 0)
        {
            return; // abstract
        }

        MethodBodyBlock body = _file.GetMethodBody(method.RelativeVirtualAddress);
        if (!body.LocalSignature.IsNil)
        {
            OnHandle(body.LocalSignature);
        }

        foreach (ExceptionRegion region in body.ExceptionRegions)
        {
            OnHandle(region.CatchType);
        }

        foreach (EntityHandle operand in Instructions.Tokens(body.GetILReader()))
        {
            OnHandle(operand);
        }
    }

    private void OnConstraints(GenericParameterHandleCollection parameters)
    {
        foreach (GenericParameterHandle parameter in parameters)
        {
            foreach (GenericParameterConstraintHandle constraint in _metadata.GetGenericParameter(parameter).GetConstraints())
            {
                OnHandle(_metadata.GetGenericParameterConstraint(constraint).Type);
            }
        }
    }

    private void OnAttributes(CustomAttributeHandleCollection attributes)
    {
        foreach (CustomAttributeHandle attribute in attributes)
        {
            OnHandle(_metadata.GetCustomAttribute(attribute).Constructor);
        }
    }

    private void OnHandle(EntityHandle handle)
    {
        if (handle.IsNil)
        {
            return;
        }

        switch (handle.Kind)
        {
            case HandleKind.TypeDefinition:
                Note(_names.Outermost((TypeDefinitionHandle)handle));
                break;
            case HandleKind.TypeReference:
                Note(_names.Outermost((TypeReferenceHandle)handle));
                break;
            case HandleKind.TypeSpecification:
                _metadata.GetTypeSpecification((TypeSpecificationHandle)handle).DecodeSignature(_signatures, null);
                break;
            case HandleKind.MemberReference:
                OnMember(_metadata.GetMemberReference((MemberReferenceHandle)handle));
                break;
            case HandleKind.MethodSpecification:
                MethodSpecification specification = _metadata.GetMethodSpecification((MethodSpecificationHandle)handle);
                specification.DecodeSignature(_signatures, null);
                OnHandle(specification.Method);
                break;
            case HandleKind.MethodDefinition:
                MethodDefinition method = _metadata.GetMethodDefinition((MethodDefinitionHandle)handle);
                Note(_names.Outermost(method.GetDeclaringType()), _metadata.GetString(method.Name));
                break;
            case HandleKind.FieldDefinition:
                FieldDefinition field = _metadata.GetFieldDefinition((FieldDefinitionHandle)handle);
                Note(_names.Outermost(field.GetDeclaringType()), _metadata.GetString(field.Name));
                break;
            case HandleKind.StandaloneSignature:
                OnStandalone(_metadata.GetStandaloneSignature((StandaloneSignatureHandle)handle));
                break;
            default:
                throw new InvalidDataException($"{_from}.{_where} names a {handle.Kind}, which this walk doesn't know");
        }
    }

    /// <summary>A member of another type; its signature counts too: who calls Stream.ReadAsync deals in tasks.</summary>
    private void OnMember(MemberReference member)
    {
        string name = _metadata.GetString(member.Name);
        switch (member.Parent.Kind)
        {
            case HandleKind.TypeReference:
                Note(_names.Outermost((TypeReferenceHandle)member.Parent), name);
                break;
            case HandleKind.TypeDefinition:
                Note(_names.Outermost((TypeDefinitionHandle)member.Parent), name);
                break;
            default:
                OnHandle(member.Parent);
                break;
        }

        if (member.GetKind() == MemberReferenceKind.Method)
        {
            member.DecodeMethodSignature(_signatures, null);
        }
        else
        {
            member.DecodeFieldSignature(_signatures, null);
        }
    }

    private void OnStandalone(StandaloneSignature signature)
    {
        if (signature.GetKind() == StandaloneSignatureKind.LocalVariables)
        {
            signature.DecodeLocalSignature(_signatures, null);
        }
        else
        {
            signature.DecodeMethodSignature(_signatures, null);
        }
    }

    private void Note(TypeName to, string member = "") => _found.Add(new Reference(_from, _where, to, member));
}
