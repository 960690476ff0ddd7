using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Shop.Api.Products;

internal sealed class DatabaseHealthCheck(ShopDbContext database) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(
        HealthCheckContext context, CancellationToken cancellationToken = default) =>
        await database.Database.CanConnectAsync(cancellationToken)
            ? HealthCheckResult.Healthy()
            : HealthCheckResult.Unhealthy("the database does not answer");
}
