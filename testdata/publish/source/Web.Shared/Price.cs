namespace Web.Shared;

/// <summary>What something costs.</summary>
public record Price(decimal Amount);
