"""What the Learn tab computes, without the page: each idea of the notes as a small function over the lab's own parts."""
