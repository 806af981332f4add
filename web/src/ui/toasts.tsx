import { Toaster } from 'sonner';
import { useTheme } from '@/lib/theme';

/** Where short notices appear. */
export default function Toasts() {
  const theme = useTheme();
  return <Toaster theme={theme === 'dark' ? 'dark' : 'light'} position="bottom-right" closeButton />;
}
