/**
 * Kept for this tab only: closing it leaves nothing on a shared computer. The store belongs to the page that holds
 * the chat, so only our own names are touched.
 */

const PREFIX = "helpline.";
/** How a person likes to read; it tells nothing of what was said. */
const LIKES = ["easy-read", "no-pictures", "size"];

/** Runs `use`; where storage is switched off the chat works, it only does not survive a reload. */
function trying<T>(use: () => T): T | null {
  try {
    return use();
  } catch {
    return null;
  }
}

export const memory = {
  get(name: string): string | null {
    return trying(() => sessionStorage.getItem(PREFIX + name));
  },
  set(name: string, value: string): void {
    trying(() => (value ? sessionStorage.setItem(PREFIX + name, value) : sessionStorage.removeItem(PREFIX + name)));
  },
  /** Forgets the chat; with `everything`, also how the person likes to read. */
  clear(everything: boolean): void {
    trying(() => {
      for (const key of Object.keys(sessionStorage)) {
        if (!key.startsWith(PREFIX)) continue;
        if (everything || !LIKES.includes(key.slice(PREFIX.length))) sessionStorage.removeItem(key);
      }
    });
  },
};
