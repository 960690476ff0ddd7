wwwroot/js/site.js
