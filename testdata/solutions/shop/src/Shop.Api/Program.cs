using FluentValidation;
using Microsoft.EntityFrameworkCore;
using Serilog;
using Shop.Api;
using Shop.Api.Products;
using Shop.Catalog;

var builder = WebApplication.CreateBuilder(args);

builder.Services.AddSerilog(logging => logging.ReadFrom.Configuration(builder.Configuration));
builder.Services.AddTelemetry(builder.Configuration);
builder.Services.AddOpenApi();
builder.Services.AddValidatorsFromAssemblyContaining<ProductValidator>(ServiceLifetime.Singleton);
var health = builder.Services.AddHealthChecks();

if (builder.Configuration.GetConnectionString("Shop") is { Length: > 0 } database)
{
    builder.Services.AddDbContext<ShopDbContext>(options => options.UseNpgsql(database));
    builder.Services.AddScoped<IProducts, ProductsInDatabase>();
    health.AddCheck<DatabaseHealthCheck>("database", tags: ["ready"]);
}
else
{
    builder.Services.AddSingleton<IProducts, ProductsInMemory>();
}

var app = builder.Build();

app.UseSerilogRequestLogging();
app.UseStaticFiles();
app.MapOpenApi();
app.MapHealthChecks("/health");
app.MapProducts();
app.MapGet("/", () => Results.Content(WelcomePage.Render("Welcome to the shop"), "text/html"));

await app.RunAsync();
