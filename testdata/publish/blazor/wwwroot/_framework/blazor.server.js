wwwroot/_framework/blazor.server.js 165205
