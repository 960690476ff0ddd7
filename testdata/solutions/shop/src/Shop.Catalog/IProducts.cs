namespace Shop.Catalog;

/// <summary>Where the products are kept.</summary>
public interface IProducts
{
    Task<IReadOnlyList<Product>> AllAsync(CancellationToken cancellationToken);

    Task<Product?> FindAsync(string sku, CancellationToken cancellationToken);

    Task AddAsync(Product product, CancellationToken cancellationToken);
}
