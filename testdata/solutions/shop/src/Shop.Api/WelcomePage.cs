namespace Shop.Api;

/// <summary>The page at <c>/</c>: a greeting, and who serves it.</summary>
internal static class WelcomePage
{
    public static string Render(string greeting) => $"""
        <!doctype html>
        <html lang="en">
        <head><title>Shop</title><link rel="stylesheet" href="/css/site.css"></head>
        <body>
        <h1>{greeting}</h1>
        <p>Served by uid {Uid()} on {Environment.Version}.</p>
        </body>
        </html>

        """;

    // The kernel's word, not the password file's: an image need not name the user it runs as.
    private static string Uid() =>
        File.ReadLines("/proc/self/status")
            .First(line => line.StartsWith("Uid:", StringComparison.Ordinal))
            .Split('\t')[1];
}
