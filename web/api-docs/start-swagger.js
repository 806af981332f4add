// Starts Swagger UI. "Try it out" calls as whoever is signed in here, or with the token given under Authorize.
(function () {
  'use strict';

  /** Dark when the application is, see theme.js. */
  function dark() {
    var wanted = null;
    try {
      wanted = localStorage.getItem('pulse.theme');
    } catch (e) {
      /* storage may be off; the system's choice holds */
    }
    return (
      wanted === 'dark' ||
      (wanted !== 'light' && window.matchMedia('(prefers-color-scheme: dark)').matches)
    );
  }
  document.documentElement.classList.toggle('dark-mode', dark());

  /** Who is signed in, with the token that changes must carry. A session that has run out is renewed once. */
  async function session(renewed) {
    const reply = await fetch('/api/auth/status', { cache: 'no-store' });
    const csrf = reply.headers.get('X-CSRF-Token');
    const known = await reply.json();
    if (known.authenticated || renewed) return { csrf: csrf, user: known.user };
    const again = await fetch('/api/auth/refresh', { method: 'POST', headers: { 'X-CSRF-Token': csrf } });
    return again.ok ? session(true) : { csrf: csrf };
  }

  /** Adds what a browser's call needs; a Bearer token speaks for itself. */
  async function complete(request) {
    const to = new URL(request.url, location.href);
    if (request.loadSpec || to.origin !== location.origin || request.headers.Authorization) return request;
    const { csrf } = await session(false);
    if (!/^(GET|HEAD)$/i.test(request.method)) request.headers['X-CSRF-Token'] = csrf;
    return request;
  }

  window.SwaggerUIBundle({
    url: '/openapi.json',
    dom_id: '#docs',
    deepLinking: true,
    docExpansion: 'none',
    defaultModelsExpandDepth: 0,
    filter: true,
    displayRequestDuration: true,
    tagsSorter: 'alpha',
    requestSnippetsEnabled: true,
    // No badge from another host, and no token left behind in the browser.
    validatorUrl: 'none',
    persistAuthorization: false,
    requestInterceptor: complete,
  });

  const caller = document.getElementById('caller');
  session(false).then(
    function (s) {
      caller.textContent = s.user
        ? 'Try it out calls as ' + s.user.email
        : 'Not signed in: sign in to Pulse, or use Authorize with a token';
    },
    function () {
      caller.textContent = '';
    },
  );
})();
