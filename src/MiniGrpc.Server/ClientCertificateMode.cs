namespace MiniGrpc.Server;

/// <summary>Whether clients are to show certificates of their own.</summary>
public enum ClientCertificateMode
{
    /// <summary>They are not asked for one.</summary>
    None,

    /// <summary>They are asked for one and may have none. One that is shown has to be valid.</summary>
    Request,

    /// <summary>They are asked for one, and who has none is turned away.</summary>
    Require,
}
