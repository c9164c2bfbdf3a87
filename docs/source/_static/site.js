/* What the theme leaves out for screen readers and the keyboard. */
document.addEventListener("DOMContentLoaded", () => {
  const name = (selector, label, role) => document.querySelectorAll(selector).forEach((element) => {
    element.setAttribute("aria-label", label);
    if (role) { element.setAttribute("role", role); }
  });
  document.querySelectorAll("p.caption[role=heading]").forEach((caption) => caption.setAttribute("aria-level", "2"));
  document.querySelectorAll(".sphx-glr-thumbcontainer a").forEach((link) => {
    link.setAttribute("aria-label", link.textContent.trim());
  });
  name("aside.sidebar-drawer", "All pages");
  name("aside.toc-drawer", "On this page");
  name(".content-icon-container", "Page tools", "navigation");
  document.querySelectorAll("th").forEach((cell) => {
    if (!cell.textContent.trim()) { cell.setAttribute("role", "presentation"); }
  });
  const reach = () => document.querySelectorAll(".table-wrapper, .highlight pre").forEach((box) => {
    if (box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight) { box.tabIndex = 0; }
  });
  reach();
  window.addEventListener("resize", reach);
});
