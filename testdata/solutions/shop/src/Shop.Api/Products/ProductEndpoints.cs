using FluentValidation;
using Microsoft.AspNetCore.Http.HttpResults;
using Shop.Catalog;

namespace Shop.Api.Products;

internal static class ProductEndpoints
{
    public static void MapProducts(this IEndpointRouteBuilder routes)
    {
        var products = routes.MapGroup("/products").WithTags("Products");
        products.MapGet("/", All);
        products.MapGet("/{sku}", Find);
        products.MapPost("/", Add);
    }

    private static Task<IReadOnlyList<Product>> All(
        IProducts products, CancellationToken cancellationToken) =>
        products.AllAsync(cancellationToken);

    private static async Task<Results<Ok<Product>, NotFound>> Find(
        string sku, IProducts products, CancellationToken cancellationToken) =>
        await products.FindAsync(sku, cancellationToken) is { } product
            ? TypedResults.Ok(product)
            : TypedResults.NotFound();

    private static async Task<Results<Created<Product>, ValidationProblem>> Add(
        Product product,
        IValidator<Product> validator,
        IProducts products,
        CancellationToken cancellationToken)
    {
        var result = await validator.ValidateAsync(product, cancellationToken);
        if (!result.IsValid)
        {
            return TypedResults.ValidationProblem(result.ToDictionary());
        }

        await products.AddAsync(product, cancellationToken);
        return TypedResults.Created($"/products/{product.Sku}", product);
    }
}
