using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Shop.Api;

internal static class Telemetry
{
    /// <summary>Traces and measures requests; exports them only where a collector is named.</summary>
    public static void AddTelemetry(this IServiceCollection services, IConfiguration configuration)
    {
        var telemetry = services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService("shop-api"))
            .WithTracing(tracing => tracing
                .AddAspNetCoreInstrumentation()
                .AddHttpClientInstrumentation())
            .WithMetrics(metrics => metrics
                .AddAspNetCoreInstrumentation()
                .AddHttpClientInstrumentation());

        if (configuration["OTEL_EXPORTER_OTLP_ENDPOINT"] is not null)
        {
            telemetry.UseOtlpExporter();
        }
    }
}
