using System.Net;
using System.Net.Http.Json;
using Microsoft.AspNetCore.Mvc.Testing;
using Shop.Catalog;

namespace Shop.Tests;

public class ShopApiTests(WebApplicationFactory<Program> shop)
    : IClassFixture<WebApplicationFactory<Program>>
{
    [Theory]
    [InlineData("/")]
    [InlineData("/health")]
    [InlineData("/openapi/v1.json")]
    [InlineData("/css/site.css")]
    public async Task The_shop_answers_without_a_database(string path)
    {
        var response = await shop.CreateClient().GetAsync(path);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [Fact]
    public async Task A_product_that_was_added_is_found()
    {
        var client = shop.CreateClient();
        var cup = new Product("CU-0002", "Large cup", 1100);

        var added = await client.PostAsJsonAsync("/products", cup);

        Assert.Equal(HttpStatusCode.Created, added.StatusCode);
        Assert.Equal(cup, await client.GetFromJsonAsync<Product>(added.Headers.Location));
    }

    [Fact]
    public async Task A_product_without_a_price_is_refused()
    {
        var response = await shop.CreateClient()
            .PostAsJsonAsync("/products", new Product("CU-0003", "Cup", 0));

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
    }
}
