wwwroot/_framework/blazor.web.js 200645
