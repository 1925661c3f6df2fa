using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Security.Cryptography;

namespace MiniGrpc.Conformance.InteropClient;

/// <summary>What the interoperability client and server do alike: what is wrong with their flags is one line on stderr, and the exit code 1.</summary>
internal static class InteropProgram
{
    /// <summary>The largest TCP port.</summary>
    public const int LastPort = 65_535;

    /// <summary>Runs a program to its exit code.</summary>
    public static async Task<int> RunAsync(RootCommand command, IReadOnlyList<string> arguments, InvocationConfiguration configuration)
    {
        ParseResult parsed = command.Parse(arguments);
        if (parsed.Action is ParseErrorAction)
        {
            // Its own answer has the help below it, dozens of lines.
            foreach (ParseError mistake in parsed.Errors)
            {
                await configuration.Error.WriteLineAsync(mistake.Message);
            }

            return 1;
        }

        configuration.EnableDefaultExceptionHandler = false; // it would print a stack trace
        try
        {
            return await parsed.InvokeAsync(configuration);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or CryptographicException)
        {
            await configuration.Error.WriteLineAsync(e.Message);
            return 1;
        }
    }

    /// <summary>Refuses texts of which <paramref name="findMistake"/> says what is wrong with them.</summary>
    public static Option<T> Checked<T>(this Option<T> option, Func<string, string?> findMistake)
    {
        option.Validators.Add(result =>
        {
            foreach (string mistake in result.Tokens.Select(token => findMistake(token.Value)).OfType<string>())
            {
                result.AddError(mistake);
            }
        });
        return option;
    }

    /// <summary>Refuses numbers out of a range. What is no number at all, the parser refuses.</summary>
    public static Option<int> Within(this Option<int> option, int least, int most = int.MaxValue) => option.Checked(text =>
        int.TryParse(text, CultureInfo.InvariantCulture, out int value) && (value < least || value > most)
            ? $"{option.Name} is {value}; expected {least} {(most == int.MaxValue ? "or more" : $"to {most}")}."
            : null);

    /// <summary>
    /// Refuses options that have no effect without TLS, where nothing says whether there is to be any: the official scripts give them together
    /// with <c>--use_tls=false</c>.
    /// </summary>
    public static void CheckTls(this RootCommand command, Option<bool> useTls, params IReadOnlyList<Option> options) => command.Validators.Add(result =>
    {
        string[] given = [.. options.Where(IsGiven).Select(option => option.Name)];
        if (given.Length > 0 && !IsGiven(useTls))
        {
            result.AddError($"Without {useTls.Name} there is no use for {string.Join(", ", given)}.");
        }

        bool IsGiven(Option option) => result.GetResult(option) is { Implicit: false };
    });
}
