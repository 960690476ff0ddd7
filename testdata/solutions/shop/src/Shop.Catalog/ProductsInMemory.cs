using System.Collections.Concurrent;

namespace Shop.Catalog;

/// <summary>Products that live as long as the process; what the shop shows without a database.</summary>
public sealed class ProductsInMemory : IProducts
{
    private readonly ConcurrentDictionary<string, Product> _products = new(
        new Product[]
        {
            new("TE-0001", "Teapot", 2400),
            new("TE-0002", "Tea, 100 g", 750),
            new("CU-0001", "Cup", 900),
        }.Select(product => KeyValuePair.Create(product.Sku, product)));

    public Task<IReadOnlyList<Product>> AllAsync(CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyList<Product>>(
            [.. _products.Values.OrderBy(product => product.Sku, StringComparer.Ordinal)]);

    public Task<Product?> FindAsync(string sku, CancellationToken cancellationToken) =>
        Task.FromResult(_products.GetValueOrDefault(sku));

    public Task AddAsync(Product product, CancellationToken cancellationToken)
    {
        _products[product.Sku] = product;
        return Task.CompletedTask;
    }
}
