using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

var harbour = new Harbour("north", new List<Ship> { new(1, "Ada") { Tons = 40 }, new(2, "Grace") });
var byFirstLetter = harbour.Ships
    .Where(ship => ship.Tons is > 3 and < 900 || ship.Name.Length > args.Length)
    .OrderBy(ship => ship.Name)
    .GroupBy(ship => ship.Name[0])
    .ToDictionary(group => group.Key, group => group.Select(ship => $"{ship.Number}: {ship.Name,-8}").ToArray());
foreach (var (letter, names) in byFirstLetter)
{
    Console.WriteLine($"{letter} {names.Length switch { 0 => "none", 1 => "one", > 1 and < 5 => "few", _ => "many" }}");
}

try
{
    await harbour.CloseAsync(CancellationToken.None);
}
catch (InvalidOperationException exception) when (exception.Message.Length > 0)
{
    Console.Error.WriteLine(exception);
    throw;
}
finally
{
    harbour.Dispose();
}

internal interface IPlace
{
    string Name { get; }
    bool IsOpen => Name.Length > 0;
}

internal sealed record Ship(int Number, string Name)
{
    public int? Tons { get; init; }
}

internal sealed class Harbour(string name, IReadOnlyList<Ship> ships) : IPlace, IDisposable
{
    private readonly object _gate = new();
    private readonly StringBuilder _log = new();

    public event EventHandler<string>? Closed;

    public string Name { get; } = name;
    public IReadOnlyList<Ship> Ships => ships;

    public async Task CloseAsync(CancellationToken cancellation)
    {
        await foreach (var ship in ShipsAsync().WithCancellation(cancellation))
        {
            lock (_gate)
            {
                _log.Append(ship.Name).AppendLine();
            }
        }

        using var writer = new StringWriter();
        await writer.WriteAsync(_log.ToString());
        Closed?.Invoke(this, writer.ToString());

        async IAsyncEnumerable<Ship> ShipsAsync()
        {
            for (var place = 0; place < ships.Count; place++)
            {
                await Task.Yield();
                yield return ships[place] with { Tons = Math.Max(ships[place].Tons ?? 0, place) };
            }
        }
    }

    public void Dispose() => _log.Clear();
}
