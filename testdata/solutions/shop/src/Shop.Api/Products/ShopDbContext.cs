using Microsoft.EntityFrameworkCore;
using Shop.Catalog;

namespace Shop.Api.Products;

internal sealed class ShopDbContext(DbContextOptions<ShopDbContext> options) : DbContext(options)
{
    public DbSet<Product> Products => Set<Product>();

    protected override void OnModelCreating(ModelBuilder modelBuilder) =>
        modelBuilder.Entity<Product>(product =>
        {
            product.ToTable("products");
            product.HasKey(row => row.Sku);
            product.Property(row => row.Name).HasMaxLength(120);
        });
}
