using CsCheck;
using Grpc.Core;
using MiniGrpc.Client.Configuration;

namespace MiniGrpc.Conformance.Wire.Configuration;

/// <summary>service_config.proto, MethodConfig.Name: which entry is for which call.</summary>
public class MethodConfigTableTests
{
    [Theory]
    [InlineData("/s/m", 1)]
    [InlineData("/s/n", 2)]
    [InlineData("/s/", 2)]
    [InlineData("/t/m", 3)]
    [InlineData("/s/m/x", 3)]
    [InlineData("/a/b/m", 4)]
    [InlineData("/a/m", 3)]
    [InlineData("/S/m", 3)]
    [InlineData("/s", 3)]
    [InlineData("s", 3)]
    [InlineData("", 3)]
    public void The_most_specific_name_counts(string path, int seconds)
    {
        var table = new MethodConfigTable(new ServiceConfig
        {
            MethodConfigs =
            {
                Of(3, MethodName.Default),
                Of(2, new MethodName { Service = "s" }),
                Of(1, new MethodName { Service = "s", Method = "m" }),
                Of(4, new MethodName { Service = "a/b", Method = "" }),
            },
        });

        Assert.Equal(TimeSpan.FromSeconds(seconds), table.Find(path).Timeout);
    }

    /// <summary>Nothing is put together from several entries: the service's retries don't reach a method with an entry of its own.</summary>
    [Fact]
    public void The_entry_counts_alone()
    {
        var table = new MethodConfigTable(new ServiceConfig
        {
            MethodConfigs =
            {
                new MethodConfig { Names = { new MethodName { Service = "s", Method = "m" } }, WaitForReady = false },
                new MethodConfig { Names = { new MethodName { Service = "s" } }, MaxRequestMessageBytes = 1, MaxResponseMessageBytes = 2, RetryPolicy = GoodRetry() },
            },
        });

        MethodParameters own = table.Find("/s/m");
        Assert.False(own.WaitForReady);
        Assert.Null(own.Retry);
        Assert.Null(own.MaxRequestMessageBytes);
        MethodParameters ofService = table.Find("/s/n");
        Assert.Null(ofService.WaitForReady);
        Assert.Equal((1, 2), (ofService.MaxRequestMessageBytes, ofService.MaxResponseMessageBytes));
        Assert.NotNull(ofService.Retry);
    }

    [Fact]
    public void Without_a_default_other_calls_have_no_parameters()
    {
        var table = new MethodConfigTable(new ServiceConfig { MethodConfigs = { Of(1, new MethodName { Service = "s" }), Of(2) } });

        Assert.Same(MethodParameters.None, table.Find("/t/m"));
        Assert.Same(MethodParameters.None, MethodConfigTable.Empty.Find("/s/m"));
        Assert.Null(MethodParameters.None.Timeout);
        Assert.Null(MethodParameters.None.Retry);
        Assert.Null(MethodParameters.None.Hedging);
    }

    [Fact]
    public void A_default_alone_is_for_all_calls() =>
        Assert.Equal(TimeSpan.FromSeconds(7), new MethodConfigTable(new ServiceConfig { MethodConfigs = { Of(7, MethodName.Default) } }).Find("/t/m").Timeout);

    /// <summary>A config is for all who hold it to change; a channel goes by what it said when it was taken.</summary>
    [Fact]
    public void Later_changes_of_the_config_have_no_effect()
    {
        var hedging = new HedgingPolicy { MaxAttempts = 3, NonFatalStatusCodes = { StatusCode.Aborted } };
        RetryPolicy retry = GoodRetry();
        MethodConfig first = Of(1, new MethodName { Service = "s" });
        first.HedgingPolicy = hedging;
        MethodConfig second = Of(1, new MethodName { Service = "t" });
        second.RetryPolicy = retry;
        var config = new ServiceConfig { MethodConfigs = { first, second } };
        var table = new MethodConfigTable(config);

        config.MethodConfigs.Clear();
        first.Names.Clear();
        first.Timeout = null;
        first.HedgingPolicy = null;
        hedging.MaxAttempts = 2;
        hedging.NonFatalStatusCodes.Clear();
        retry.RetryableStatusCodes.Clear();
        retry.MaxBackoff = null;

        Assert.Equal(TimeSpan.FromSeconds(1), table.Find("/s/m").Timeout);
        Assert.Equal(3, table.Find("/s/m").Hedging!.MaxAttempts);
        Assert.True(table.Find("/s/m").Hedging!.NonFatalStatusCodes.Contains(StatusCode.Aborted));
        Assert.True(table.Find("/t/m").Retry!.RetryableStatusCodes.Contains(StatusCode.Unavailable));
        Assert.Equal(TimeSpan.FromSeconds(1), table.Find("/t/m").Retry!.MaxBackoff);
    }

    /// <summary>gRFC A6: more than 5 attempts are 5, and no mistake; the client may set another limit.</summary>
    [Theory]
    [InlineData(2, 5, 2)]
    [InlineData(5, 5, 5)]
    [InlineData(6, 5, 5)]
    [InlineData(int.MaxValue, 5, 5)]
    [InlineData(9, 8, 8)]
    [InlineData(4, 1, 1)]
    public void Attempts_are_limited_by_the_client(int asked, int limit, int granted)
    {
        RetryPolicy retry = GoodRetry();
        retry.MaxAttempts = asked;
        var config = new ServiceConfig
        {
            MethodConfigs =
            {
                new MethodConfig { Names = { new MethodName { Service = "s" } }, RetryPolicy = retry },
                new MethodConfig { Names = { new MethodName { Service = "t" } }, HedgingPolicy = new HedgingPolicy { MaxAttempts = asked } },
            },
        };

        var table = new MethodConfigTable(config, limit);

        Assert.Equal(granted, table.Find("/s/m").Retry!.MaxAttempts);
        Assert.Equal(granted, table.Find("/t/m").Hedging!.MaxAttempts);
    }

    [Fact]
    public void The_limit_of_attempts_is_5_and_has_to_allow_one()
    {
        Assert.Equal(5, new MethodConfigTable(ServiceConfig.Parse("""{"methodConfig": [{"name": [{}], "hedgingPolicy": {"maxAttempts": 4294967295}}]}""")).Find("/s/m").Hedging!.MaxAttempts);
        Assert.Throws<ArgumentOutOfRangeException>(() => new MethodConfigTable(new ServiceConfig(), 0));
    }

    /// <summary>uint32 goes higher than any message is long.</summary>
    [Fact]
    public void A_limit_of_sizes_beyond_int_is_the_highest_int() =>
        Assert.Equal(int.MaxValue, ServiceConfig.Parse("""{"methodConfig": [{"maxRequestMessageBytes": 4294967295}]}""").MethodConfigs[0].MaxRequestMessageBytes);

    [Fact]
    public void Hedging_without_a_delay_sends_all_at_once()
    {
        var config = new ServiceConfig { MethodConfigs = { new MethodConfig { Names = { MethodName.Default }, HedgingPolicy = new HedgingPolicy { MaxAttempts = 2 } } } };

        Assert.Equal(TimeSpan.Zero, new MethodConfigTable(config).Find("/s/m").Hedging!.HedgingDelay);
    }

    [Fact]
    public void A_set_of_status_codes_has_what_was_put_in() => Gen.Int[0, 16].Array.Sample(codes =>
    {
        var set = new StatusCodeSet(codes.Select(code => (StatusCode)code));
        return Enumerable.Range(-2, 80).All(code => set.Contains((StatusCode)code) == codes.Contains(code));
    });

    private static MethodConfig Of(int seconds, params MethodName[] names)
    {
        var config = new MethodConfig { Timeout = TimeSpan.FromSeconds(seconds) };
        foreach (MethodName name in names)
        {
            config.Names.Add(name);
        }

        return config;
    }

    private static RetryPolicy GoodRetry() => new()
    {
        MaxAttempts = 3,
        InitialBackoff = TimeSpan.FromSeconds(0.1),
        MaxBackoff = TimeSpan.FromSeconds(1),
        BackoffMultiplier = 2,
        RetryableStatusCodes = { StatusCode.Unavailable },
    };
}
