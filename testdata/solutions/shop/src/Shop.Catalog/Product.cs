namespace Shop.Catalog;

/// <summary>Something the shop sells.</summary>
/// <param name="Sku">Names the product; never changes.</param>
/// <param name="Name">What a customer reads.</param>
/// <param name="PriceInCents">What it costs.</param>
public sealed record Product(string Sku, string Name, int PriceInCents);
