/** @type {import("@sveltejs/vite-plugin-svelte").SvelteConfig} */
export default {
  // Styles go to files: the content policy allows no <style> made at run time.
  compilerOptions: { runes: true, css: "external" },
};
