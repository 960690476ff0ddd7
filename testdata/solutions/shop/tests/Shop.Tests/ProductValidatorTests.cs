using Shop.Catalog;

namespace Shop.Tests;

public class ProductValidatorTests
{
    private static readonly ProductValidator Validator = new();

    [Theory]
    [InlineData("TE-0001", "Teapot", 2400, true)]
    [InlineData("teapot", "Teapot", 2400, false)]
    [InlineData("TE-0001", "", 2400, false)]
    [InlineData("TE-0001", "Teapot", 0, false)]
    public void A_product_has_a_sku_a_name_and_a_price(
        string sku, string name, int priceInCents, bool valid) =>
        Assert.Equal(valid, Validator.Validate(new Product(sku, name, priceInCents)).IsValid);
}
