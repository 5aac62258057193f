/** What lies in `public/` and is kept with the app. */
export const PUBLIC_FILES = [
  "/apple-touch-icon.png",
  "/icon-192.png",
  "/icon-512.png",
  "/icon-maskable-512.png",
  "/icon.svg",
  "/manifest.webmanifest",
];
