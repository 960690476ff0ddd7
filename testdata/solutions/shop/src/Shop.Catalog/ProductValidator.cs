using FluentValidation;

namespace Shop.Catalog;

/// <summary>What a product must be before it is kept.</summary>
public sealed class ProductValidator : AbstractValidator<Product>
{
    public ProductValidator()
    {
        RuleFor(product => product.Sku).Matches("^[A-Z]{2}-[0-9]{4}$");
        RuleFor(product => product.Name).NotEmpty().MaximumLength(120);
        RuleFor(product => product.PriceInCents).GreaterThan(0);
    }
}
