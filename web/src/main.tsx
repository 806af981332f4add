import '@fontsource-variable/inter/wght.css';
import '@fontsource-variable/jetbrains-mono/wght.css';
import './styles/app.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App, preload } from './app';

const root = createRoot(document.getElementById('root')!);
const patience = new Promise((done) => setTimeout(done, 1500));
// With the page's code at hand the first render is the page, not a placeholder of it.
void Promise.race([preload(location.pathname), patience]).then(() =>
  root.render(
    <StrictMode>
      <App />
    </StrictMode>,
  ),
);
