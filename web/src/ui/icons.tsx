// The few line icons in use, 16 px, drawn here so that no icon font is loaded.
import type { ReactNode } from 'react';

const draw = (d: ReactNode) =>
  function Icon({ size = 16 }: { size?: number }) {
    return (
      <svg
        width={size}
        height={size}
        viewBox="0 0 16 16"
        fill="none"
        stroke="currentColor"
        strokeWidth="1.5"
        strokeLinecap="round"
        strokeLinejoin="round"
        aria-hidden="true"
        className="shrink-0"
      >
        {d}
      </svg>
    );
  };

export const MenuIcon = draw(<path d="M2 4h12M2 8h12M2 12h12" />);
export const CloseIcon = draw(<path d="m4 4 8 8M12 4l-8 8" />);
export const CopyIcon = draw(
  <>
    <rect x="5.5" y="5.5" width="8" height="8" rx="1.5" />
    <path d="M10.5 3.5v-.2c0-.7-.6-1.3-1.3-1.3H3.8C3 2 2.5 2.6 2.5 3.3v5.4c0 .7.6 1.3 1.3 1.3H4" />
  </>,
);
export const CheckIcon = draw(<path d="m3 8.5 3.2 3.2L13 5" />);
export const SearchIcon = draw(
  <>
    <circle cx="7" cy="7" r="4.5" />
    <path d="m10.5 10.5 3.5 3.5" />
  </>,
);
export const DownIcon = draw(<path d="m4 6 4 4 4-4" />);
export const SortUpIcon = draw(<path d="M8 12.5v-9M4.5 7 8 3.5 11.5 7" />);
export const SortDownIcon = draw(<path d="M8 3.5v9M4.5 9 8 12.5 11.5 9" />);
export const MoreIcon = draw(
  <>
    <circle cx="3" cy="8" r=".6" fill="currentColor" />
    <circle cx="8" cy="8" r=".6" fill="currentColor" />
    <circle cx="13" cy="8" r=".6" fill="currentColor" />
  </>,
);

/** The product's mark. */
export function Mark() {
  return (
    <svg width="18" height="18" viewBox="0 0 24 24" aria-hidden="true" className="text-accent">
      <circle cx="12" cy="12" r="10" fill="none" stroke="currentColor" strokeWidth="2" />
      <circle cx="12" cy="12" r="5.5" fill="currentColor" />
    </svg>
  );
}
