using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

internal static class Site
{
    public static Task RunAsync(string[] args)
    {
        var builder = WebApplication.CreateBuilder(args);
        builder.Services.AddHealthChecks();
        builder.Services.AddSingleton<List<Ship>>();
        builder.Services.Configure<SiteOptions>(options => options.Limit = 10);
        var app = builder.Build();
        app.MapHealthChecks("/health");
        var ships = app.MapGroup("/ships");
        ships.MapGet("/", (List<Ship> all, IOptions<SiteOptions> options) =>
            Results.Ok(all.Take(options.Value.Limit).Select(ship => new { ship.Number, Text = $"{ship.Name}!" })));
        ships.MapGet("/{number:int}", async (int number, [FromServices] List<Ship> all, ILogger<Ship> logger) =>
        {
            await Task.Delay(1);
            logger.LogInformation("asked for {Number}", number);
            return all.FirstOrDefault(ship => ship.Number == number) is { } found
                ? Results.Ok(found)
                : Results.NotFound();
        });
        ships.MapPost("/", (Ship ship, List<Ship> all) =>
        {
            all.Add(ship);
            return TypedResults.Created($"/ships/{ship.Number}", ship);
        });
        return app.RunAsync();
    }
}

internal sealed class SiteOptions
{
    public int Limit { get; set; }
}

[ApiController]
[Route("api/[controller]")]
internal sealed class ShipsController(ILogger<ShipsController> logger) : ControllerBase
{
    [HttpGet("{number:int}")]
    public ActionResult<Ship> Get(int number)
    {
        logger.LogDebug("{Number}", number);
        return number > 0 ? new Ship(number, "Ada") : NotFound();
    }
}
