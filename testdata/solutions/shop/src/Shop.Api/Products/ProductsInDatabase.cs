using Microsoft.EntityFrameworkCore;
using Shop.Catalog;

namespace Shop.Api.Products;

internal sealed class ProductsInDatabase(ShopDbContext database) : IProducts
{
    public async Task<IReadOnlyList<Product>> AllAsync(CancellationToken cancellationToken) =>
        await database.Products
            .AsNoTracking()
            .OrderBy(product => product.Sku)
            .ToListAsync(cancellationToken);

    public Task<Product?> FindAsync(string sku, CancellationToken cancellationToken) =>
        database.Products
            .AsNoTracking()
            .SingleOrDefaultAsync(product => product.Sku == sku, cancellationToken);

    public async Task AddAsync(Product product, CancellationToken cancellationToken)
    {
        database.Products.Add(product);
        await database.SaveChangesAsync(cancellationToken);
    }
}
