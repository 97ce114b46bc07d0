"""What a person does with the lab, without any front door; joins the packages."""
