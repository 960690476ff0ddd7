using Humanizer;
using Serilog;
using Web.Shared;

Log.Logger = new LoggerConfiguration().CreateLogger();
SQLitePCL.Batteries.Init();
var app = WebApplication.CreateBuilder(args).Build();
app.UseStaticFiles();
app.MapGet("/", () => new Price(1).Amount.ToString().Humanize());
app.Run();
