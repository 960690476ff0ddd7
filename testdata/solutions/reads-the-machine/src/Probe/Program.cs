System.Console.WriteLine(NuGet.Configuration.ConfigurationConstants.Config);
