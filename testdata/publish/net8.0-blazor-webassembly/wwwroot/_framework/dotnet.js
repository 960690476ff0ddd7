wwwroot/_framework/dotnet.js
