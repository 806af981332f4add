// Starts ReDoc. Its colours are made for a light page.
(function () {
  'use strict';
  window.Redoc.init(
    '/openapi.json',
    {
      hideDownloadButton: false,
      scrollYOffset: 0,
      sortTagsAlphabetically: true,
      nativeScrollbars: true,
      theme: {
        colors: { primary: { main: '#0b6e6e' } },
        typography: {
          fontFamily: 'system-ui, sans-serif',
          headings: { fontFamily: 'system-ui, sans-serif' },
        },
      },
    },
    document.getElementById('docs'),
    function (error) {
      if (!error) return;
      const p = document.createElement('p');
      p.className = 'failed';
      p.textContent = 'The document could not be shown: ' + error.message;
      document.getElementById('docs').replaceChildren(p);
    },
  );
})();
