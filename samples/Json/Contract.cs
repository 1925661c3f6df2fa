using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

using Grpc.Core;

namespace MiniGrpc.Samples.Json;

/// <summary>
/// What server and client both have to know of the service. There is no .proto: gRPC carries octets, and a marshaller says what they
/// mean. Here requests and receipts are JSON, and what is read back is octets as they are.
/// </summary>
internal static class Notes
{
    public static readonly Method<Note, Receipt> Save = new(
        MethodType.Unary, "samples.Notes", "Save", JsonMarshaller.Of(NotesJson.Default.Note), JsonMarshaller.Of(NotesJson.Default.Receipt));

    public static readonly Method<Title, byte[]> Read = new(
        MethodType.ServerStreaming, "samples.Notes", "Read", JsonMarshaller.Of(NotesJson.Default.Title), Octets);

    private static Marshaller<byte[]> Octets => Marshallers.Create(octets => octets, octets => octets);
}

internal sealed record Note(string Title, string[] Lines);

internal sealed record Title(string Text);

internal sealed record Receipt(string Title, int Lines);

/// <summary>The serializers, made by the compiler: no reflection, so that trimmed and native programs have them, too.</summary>
[JsonSerializable(typeof(Note))]
[JsonSerializable(typeof(Title))]
[JsonSerializable(typeof(Receipt))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
internal sealed partial class NotesJson : JsonSerializerContext;

internal static class JsonMarshaller
{
    public static Marshaller<T> Of<T>(JsonTypeInfo<T> type) => Marshallers.Create(
        (T value, SerializationContext context) =>
        {
            // Written to where it is sent from: no array in between.
            using var writer = new Utf8JsonWriter(context.GetBufferWriter());
            JsonSerializer.Serialize(writer, value, type);
            writer.Flush();
            context.Complete();
        },
        context =>
        {
            // Read from where it has come in, which may be in pieces.
            var reader = new Utf8JsonReader(context.PayloadAsReadOnlySequence());
            return JsonSerializer.Deserialize(ref reader, type) ?? throw new JsonException("null is no message");
        });
}
