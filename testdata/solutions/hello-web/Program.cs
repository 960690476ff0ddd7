using System;
using System.IO;
using System.Linq;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;

namespace HelloWeb
{
    public static class Program
    {
        private const string Greeting = "Hello from a container";

        public static void Main(string[] args) =>
            Host.CreateDefaultBuilder(args)
                .ConfigureWebHostDefaults(web => web.ListenOnHttpPorts().Configure(Answer))
                .Build()
                .Run();

        private static void Answer(IApplicationBuilder app)
        {
            app.UseStaticFiles();
            app.Run(context =>
            {
                context.Response.ContentType = "text/html";
                return context.Response.WriteAsync(Page());
            });
        }

        private static string Page() => $@"<!doctype html>
<html lang=""en"">
<head><title>Hello</title><link rel=""stylesheet"" href=""/site.css""></head>
<body>
<h1>{Greeting}</h1>
<p>Served by uid {Uid()} on {Environment.Version}.</p>
</body>
</html>
";

        // The kernel's word, not the password file's: an image need not name the user it runs as.
        private static string Uid() =>
            File.ReadLines("/proc/self/status")
                .First(line => line.StartsWith("Uid:", StringComparison.Ordinal))
                .Split('\t')[1];

        // ASP.NET reads ASPNETCORE_HTTP_PORTS by itself from version 8 on.
        private static IWebHostBuilder ListenOnHttpPorts(this IWebHostBuilder web)
        {
            var ports = Environment.GetEnvironmentVariable("ASPNETCORE_HTTP_PORTS");
            var urls = Environment.GetEnvironmentVariable("ASPNETCORE_URLS");
            return Environment.Version.Major >= 8 || ports is null || urls != null
                ? web
                : web.UseUrls(ports.Split(';').Select(port => $"http://*:{port}").ToArray());
        }
    }
}
